# How the editor behaves. Telemetry is off in each of the places it has.
locals {
  terraform = {
    editor = {
      defaultFormatter = "hashicorp.terraform"
      formatOnSave     = true
      formatOnSaveMode = "file"
      tabSize          = 2
    }
  }
  prettier = { editor = { defaultFormatter = "esbenp.prettier-vscode", tabSize = 2 } }
}

home {
  name = args.user
  programs {
    vscode {
      settings = {
        editor = {
          fontFamily                 = "'Hack', monospace"
          fontSize                   = 11
          fontLigatures              = false
          tabSize                    = 2
          insertSpaces               = true
          detectIndentation          = true
          wordWrap                   = "wordWrapColumn"
          wordWrapColumn             = 120
          rulers                     = [120]
          formatOnSave               = true
          formatOnPaste              = false
          renderWhitespace           = "boundary"
          renderLineHighlight        = "all"
          cursorBlinking             = "smooth"
          cursorSmoothCaretAnimation = "on"
          cursorStyle                = "line"
          smoothScrolling            = true
          scrollBeyondLastLine       = false
          suggestSelection           = "first"
          snippetSuggestions         = "top"
          minimap                    = { enabled = true, renderCharacters = false, maxColumn = 80 }
          bracketPairColorization    = { enabled = true }
          guides                     = { bracketPairs = "active", indentation = true, highlightActiveIndentation = true }
        }
        files = {
          autoSave               = "onFocusChange"
          eol                    = "\n"
          encoding               = "utf8"
          insertFinalNewline     = true
          trimFinalNewlines      = true
          trimTrailingWhitespace = true
        }
        "files.associations" = {
          "*.hcl"    = "terraform"
          "*.j2"     = "jinja"
          "*.tfvars" = "terraform-vars"
          "*.yml"    = "yaml"
        }
        "files.exclude"        = { "**/.git" = true, "**/.terraform" = true, "**/__pycache__" = true }
        "files.watcherExclude" = { "**/.terraform/**" = true, "**/node_modules/**" = true }
        explorer = {
          confirmDelete      = true
          confirmDragAndDrop = false
        }
        workbench = {
          colorTheme        = "Default Dark Modern"
          iconTheme         = "material-icon-theme"
          startupEditor     = "none"
          enableExperiments = false
          settings          = { editor = "json", enableNaturalLanguageSearch = false }
          editor            = { enablePreview = false, highlightModifiedTabs = true, showTabs = "multiple", tabSizing = "shrink" }
          list              = { smoothScrolling = true }
          tree              = { indent = 16, renderIndentGuides = "always" }
          tips              = { enabled = false }
          activityBar       = { location = "default" }
        }
        window = {
          titleBarStyle     = "custom"
          menuBarVisibility = "toggle"
        }
        terminal = {
          integrated = {
            fontFamily       = "Hack"
            fontSize         = 11
            cursorStyle      = "line"
            cursorBlinking   = true
            scrollback       = 100000
            smoothScrolling  = true
            copyOnSelection  = false
            enableBell       = false
            confirmOnExit    = "hasChildProcesses"
            inheritEnv       = true
            defaultProfile   = { linux = "zsh" }
            shellIntegration = { enabled = true }
          }
        }
        "terminal.integrated.profiles.linux" = { zsh = { path = "/usr/bin/zsh" }, bash = { path = "/usr/bin/bash" } }
        telemetry = {
          telemetryLevel      = "off"
          enableTelemetry     = false
          enableCrashReporter = false
          feedback            = { enabled = false }
        }
        redhat = { telemetry = { enabled = false } }
        extensions = {
          autoUpdate            = false
          autoCheckUpdates      = true
          ignoreRecommendations = true
        }
        update = {
          mode             = "manual"
          showReleaseNotes = false
        }
        security = { workspace = { trust = { enabled = true, untrustedFiles = "prompt" } } }
        scm      = { alwaysShowRepositories = true }
        git = {
          autofetch                     = false
          confirmSync                   = true
          enableSmartCommit             = false
          enableCommitSigning           = true
          openRepositoryInParentFolders = "never"
          decorations                   = { enabled = true }
        }
        python = {
          languageServer         = "Default"
          defaultInterpreterPath = "/usr/bin/python3"
          analysis               = { typeCheckingMode = "basic" }
        }
        go = {
          toolsManagement = { autoUpdate = false }
          gopath          = "${config.user[args.user].home}/go"
        }
        docker = { extension = { enableComposeLanguageServer = true } }
        terraform = {
          languageServer       = { enable = true, path = "/usr/bin/terraform-ls" }
          codelens             = { referenceCount = true }
          experimentalFeatures = { validateOnSave = true, prefillRequiredFields = true }
        }
        "[terraform]"         = local.terraform
        "[terraform-vars]"    = local.terraform
        "[terraform-stack]"   = local.terraform
        "[terraform-deploy]"  = local.terraform
        "[json]"              = local.prettier
        "[jsonc]"             = local.prettier
        "[yaml]"              = local.prettier
        "[markdown]"          = { editor = { wordWrap = "on", formatOnSave = false } }
        "[python]"            = { editor = { tabSize = 4 } }
        "[go]"                = { editor = { insertSpaces = false, tabSize = 4 } }
        "indentRainbow"       = { colors = [for n in ["02", "03", "04"] : "#${args.palette[n]}40"] }
        "material-icon-theme" = { folders = { color = "#${args.palette["0A"]}" } }
      }
    }
  }
}
