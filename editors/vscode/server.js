// How the extension starts the language server; its test starts it alike.

/** The program at path speaks the Language Server Protocol on its standard input and output. */
function serverOptions(path) {
  return { command: path, args: ["lsp"] };
}

/** Files of a folder that are HCL; the server itself leaves alone what lies below no flake.hcl. */
const documentSelector = [{ scheme: "file", language: "hcl" }];

module.exports = { serverOptions, documentSelector };
