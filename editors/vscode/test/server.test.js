// Drives the real server the way the extension starts it, with the protocol
// library that its client is made of. HOSTCTL is the program.
const assert = require("node:assert");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { test } = require("node:test");
const { pathToFileURL } = require("node:url");
const { StreamMessageReader, StreamMessageWriter } = require("vscode-jsonrpc/node");
const lsp = require("vscode-languageserver-protocol");
const { serverOptions, documentSelector } = require("../server");
const manifest = require("../package.json");

const hostctl = process.env.HOSTCTL;
assert.ok(hostctl, "HOSTCTL names no program; run make vscode");

const files = {
  "flake.hcl": 'input "debian" { url = "debian:trixie" }\nhost "one" { modules = ["./one.hcl"] }\n',
  "one.hcl": 'locals {\n  port = 22\n}\nservices {\n  openssh { enalbe = true }\n}\nfirewall_is = local.port\n',
};

function begin(t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "hostctl-vscode-"));
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(dir, name), text);
  const { command, args } = serverOptions(hostctl);
  const server = spawn(command, args, { cwd: dir, env: { ...process.env, HOSTCTL_CACHE: path.join(dir, ".cache") }, stdio: ["pipe", "pipe", "inherit"] });
  const connection = lsp.createProtocolConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin));
  const waiting = [];
  connection.onNotification(lsp.PublishDiagnosticsNotification.type, (p) => {
    for (const w of waiting.filter((w) => w.uri === p.uri && w.version === p.version)) {
      waiting.splice(waiting.indexOf(w), 1);
      w.resolve(p.diagnostics.filter((d) => d.severity === lsp.DiagnosticSeverity.Error));
    }
  });
  connection.listen();
  const ended = new Promise((resolve) => server.on("exit", resolve));
  t.after(() => {
    server.kill();
    fs.rmSync(dir, { recursive: true });
  });
  const uri = (name) => pathToFileURL(path.join(dir, name)).href;
  const errors = (name, version) => new Promise((resolve) => waiting.push({ uri: uri(name), version, resolve }));
  return { connection, ended, uri, errors, root: pathToFileURL(dir).href };
}

test("a session with the server", { timeout: 120_000 }, async (t) => {
  const { connection, ended, uri, errors, root } = begin(t);
  const { capabilities } = await connection.sendRequest(lsp.InitializeRequest.type, {
    processId: process.pid, rootUri: root, workspaceFolders: null,
    capabilities: { textDocument: { completion: { completionItem: { snippetSupport: true } } } },
  });
  assert.strictEqual(capabilities.textDocumentSync.change, lsp.TextDocumentSyncKind.Incremental);
  for (const has of ["completionProvider", "hoverProvider", "definitionProvider", "referencesProvider", "renameProvider", "signatureHelpProvider", "workspaceSymbolProvider", "foldingRangeProvider", "documentHighlightProvider", "documentFormattingProvider"]) {
    assert.ok(capabilities[has], has);
  }
  await connection.sendNotification(lsp.InitializedNotification.type, {});

  const doc = { uri: uri("one.hcl") };
  let told = errors("one.hcl", 1);
  const text = files["one.hcl"].replace("firewall_is = local.port\n", "");
  await connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, { textDocument: { ...doc, languageId: "hcl", version: 1, text } });
  const found = await told;
  assert.strictEqual(found.length, 1);
  assert.match(found[0].message, /Did you mean "enable"\?/);
  const [fix] = await connection.sendRequest(lsp.CodeActionRequest.type, { textDocument: doc, range: found[0].range, context: { diagnostics: found } });
  const change = fix.edit.changes[doc.uri][0];
  assert.strictEqual(change.newText, "enable");

  told = errors("one.hcl", 2);
  await connection.sendNotification(lsp.DidChangeTextDocumentNotification.type, { textDocument: { ...doc, version: 2 }, contentChanges: [{ range: change.range, text: change.newText }] });
  assert.deepStrictEqual(await told, []);

  const at = (line, character) => ({ textDocument: doc, position: { line, character } });
  const items = (await connection.sendRequest(lsp.CompletionRequest.type, at(4, 2))).items;
  assert.ok(items.some((i) => i.label === "openssh" && i.insertTextFormat === lsp.InsertTextFormat.Snippet));
  const hover = await connection.sendRequest(lsp.HoverRequest.type, at(4, 14));
  assert.match(hover.contents.value, /services\.openssh\.enable.*\n[^]*On one: `true` \(one\.hcl:5/);
  const edit = await connection.sendRequest(lsp.RenameRequest.type, { ...at(1, 3), newName: "ssh_port" });
  assert.deepStrictEqual(edit.changes[doc.uri].map((e) => e.newText), ["ssh_port"]);

  await connection.sendRequest(lsp.ShutdownRequest.type);
  await connection.sendNotification(lsp.ExitNotification.type);
  assert.strictEqual(await ended, 0);
});

test("the manifest says what the extension needs", () => {
  assert.strictEqual(manifest.contributes.configuration.properties["hostctl.path"].default, "hostctl");
  assert.deepStrictEqual(serverOptions("x"), { command: "x", args: ["lsp"] });
  const language = documentSelector[0].language;
  assert.ok(manifest.contributes.languages.some((l) => l.id === language && l.extensions.includes(".hcl")));
});
