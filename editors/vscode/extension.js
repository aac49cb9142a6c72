const { window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");
const { serverOptions, documentSelector } = require("./server");

let client;

async function start() {
  const path = workspace.getConfiguration("hostctl").get("path");
  client = new LanguageClient("hostctl", serverOptions(path), { documentSelector });
  try {
    await client.start();
  } catch (err) {
    client = undefined;
    window.showErrorMessage(`hostctl: cannot start ${path} lsp: ${err.message}. Install hostctl, or say where it is with the setting hostctl.path.`);
  }
}

async function stop() {
  await client?.stop();
  client = undefined;
}

exports.activate = async (context) => {
  context.subscriptions.push(
    workspace.onDidChangeConfiguration(async (change) => {
      if (change.affectsConfiguration("hostctl.path")) {
        await stop();
        await start();
      }
    }),
  );
  await start();
};

exports.deactivate = stop;
