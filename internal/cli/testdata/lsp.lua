-- Neovim as the client of hostctl lsp: opens a file of the flake in the working
-- directory, types into it, and prints what the server makes of it.
local function fail(what)
  io.stderr:write("neovim: " .. what .. "\n")
  vim.cmd("cquit 1")
end

local function main()
  vim.cmd("edit hosts/one.hcl")
  local buf = vim.api.nvim_get_current_buf()
  -- The lines of docs/editors.md, which this Neovim was started with, attach the
  -- server. They are for 0.8 and newer.
  if not vim.lsp.start then
    vim.lsp.buf_attach_client(buf, vim.lsp.start_client({ name = "hostctl", cmd = { "hostctl", "lsp" }, root_dir = vim.fn.getcwd() }))
  end
  local function clients()
    local get = vim.lsp.get_clients or vim.lsp.get_active_clients
    return vim.tbl_values(get({ name = "hostctl" }))
  end
  if not vim.wait(20000, function() return #clients() == 1 end, 20) then
    fail("the lines of docs/editors.md start no server")
  end
  local id = clients()[1].id

  local function type_line(n, text)
    vim.api.nvim_buf_set_lines(buf, n, n + 1, false, { text })
  end

  -- The first errors also show that the server is up.
  if not vim.wait(20000, function() return #vim.diagnostic.get(buf) == 1 end, 20) then
    fail("no diagnostic of the typo came")
  end
  local d = vim.diagnostic.get(buf)[1]
  print("diagnostic " .. d.lnum .. ":" .. d.col .. "-" .. d.end_col .. " " .. d.message)

  type_line(2, "  openssh { enable = true }")
  -- A warning stays: sshd is on, and nobody could log in.
  local errors = { severity = vim.diagnostic.severity.ERROR }
  if not vim.wait(20000, function() return #vim.diagnostic.get(buf, errors) == 0 end, 20) then
    fail("the mended line still has its diagnostic")
  end
  print("mended")

  local function ask(method, line, column, more)
    local params = { textDocument = { uri = vim.uri_from_bufnr(buf) }, position = { line = line, character = column } }
    for k, v in pairs(more or {}) do params[k] = v end
    local answers, err = vim.lsp.buf_request_sync(buf, method, params, 20000)
    if not answers then fail(method .. ": " .. tostring(err)) end
    for _, answer in pairs(answers) do
      if answer.error then fail(method .. ": " .. vim.inspect(answer.error)) end
      return answer.result
    end
  end

  type_line(2, "  open")
  for _, item in ipairs(ask("textDocument/completion", 2, 6).items) do
    if item.label == "openssh" then
      print("completion " .. item.label .. ": " .. item.detail)
    end
  end
  type_line(2, "  openssh { enable = true }")

  -- The comment before it has letters of one, two and four units.
  local hover = ask("textDocument/hover", 5, 53)
  print("hover " .. vim.split(hover.contents.value, "\n")[1])

  local where = ask("textDocument/definition", 2, 13)[1]
  local path = vim.uri_to_fname(where.uri)
  print("definition " .. path:match("library/.*") .. ":" .. where.range.start.line)
  print("declared as " .. vim.fn.readfile(path)[where.range.start.line + 1])

  type_line(2, "  openssh { enable=true }")
  vim.lsp.util.apply_text_edits(ask("textDocument/formatting", 0, 0, { options = { tabSize = 2, insertSpaces = true } }), buf, "utf-16")
  print("formatted" .. vim.api.nvim_buf_get_lines(buf, 2, 3, false)[1])

  -- Typed, not saved; one name in two places.
  vim.api.nvim_buf_set_lines(buf, -1, -1, false, { "locals {", "  mine = 1", "  more = local.mine", "}" })
  print("references " .. #ask("textDocument/references", 9, 3, { context = { includeDeclaration = true } }))
  vim.lsp.util.apply_workspace_edit(ask("textDocument/rename", 9, 3, { newName = "ours" }), "utf-16")
  print("renamed" .. table.concat(vim.api.nvim_buf_get_lines(buf, 9, 11, false)))

  vim.lsp.stop_client(id)
  if not vim.wait(20000, function() return vim.lsp.get_client_by_id(id) == nil end, 20) then
    fail("the server does not end")
  end
  print("stopped")
end

local ok, err = pcall(main)
if not ok then fail(tostring(err)) end
vim.cmd("qall!")
