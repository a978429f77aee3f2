// Builds `dist` from `src`: hashed names, a copy in gzip where that is worth it, the index and the list of assets
// that the Rust crate includes. The same sources give the same bytes, on every machine.

import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { gunzipSync, gzipSync } from "node:zlib";

const OUT = "dist";
const WORTH_BYTES = 512;
const KINDS = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  txt: "text/plain; charset=utf-8",
};

const built = await build({
  entryPoints: { app: "src/main.tsx" },
  outdir: OUT,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  charset: "utf8",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  metafile: true,
  write: false,
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
});

/** What is loaded before anything can be shown: the entry and all that it imports at once. */
function firstLoad(outputs) {
  const isEntry = (name) => outputs[name].entryPoint === "src/main.tsx";
  const open = Object.keys(outputs).filter(isEntry);
  const seen = new Set(open);
  for (const name of open) {
    for (const { path, kind } of outputs[name].imports) {
      if (kind === "import-statement" && !seen.has(path)) {
        seen.add(path);
        open.push(path);
      }
    }
  }
  return open.map((name) => name.slice(OUT.length + 1));
}

function index(outputs) {
  const [entry, ...others] = firstLoad(outputs);
  const style = Object.keys(outputs).find((name) => name.endsWith(".css"))?.slice(OUT.length + 1);
  const preloads = others.map((name) => `\n<link rel="modulepreload" href="/ui/${name}">`).join("");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Fasti</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/ui/${style}">${preloads}
<script type="module" src="/ui/${entry}"></script>
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript; the command line and the API do not.</noscript>
</body>
</html>
`;
}

/** Licences of what is bundled, which ask to travel along. */
async function licences() {
  const packages = ["preact", "@preact/signals", "@preact/signals-core"];
  const texts = packages.map(async (name) => {
    const text = await readFile(`node_modules/${name}/LICENSE`, "utf8");
    return `${name}\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join("\n\n");
}

/** The content in gzip. Another zlib may pack it otherwise, so what is there stays if it says the same. */
async function packed(name, bytes) {
  const before = await readFile(`${OUT}/${name}.gz`).catch(() => null);
  const isSame = before !== null && Buffer.compare(gunzipSync(before), bytes) === 0;
  return isSame ? before : gzipSync(bytes, { level: 9 });
}

const files = new Map(
  built.outputFiles.map((file) => [file.path.split(/[\\/]/).pop(), Buffer.from(file.contents)]),
);
files.set("index.html", Buffer.from(index(built.metafile.outputs)));
files.set("licences.txt", Buffer.from(await licences()));

await mkdir(OUT, { recursive: true });
const wanted = new Map();
const list = [];
for (const name of [...files.keys()].sort()) {
  const bytes = files.get(name);
  wanted.set(name, bytes);
  let gzip = "&[]";
  if (bytes.length >= WORTH_BYTES) {
    wanted.set(`${name}.gz`, await packed(name, bytes));
    gzip = `include_bytes!("${name}.gz")`;
  }
  const kind = KINDS[name.split(".").pop()];
  const isHashed = name.endsWith(".js") || name.endsWith(".css");
  list.push(`    Asset {
        name: "${name}",
        kind: "${kind}",
        bytes: include_bytes!("${name}"),
        gzip: ${gzip},
        is_hashed: ${isHashed},
    },`);
}
wanted.set("assets.in", Buffer.from(`&[\n${list.join("\n")}\n]\n`));
for (const name of await readdir(OUT)) {
  if (!wanted.has(name)) await rm(`${OUT}/${name}`, { recursive: true });
}
for (const [name, bytes] of wanted) await writeFile(`${OUT}/${name}`, bytes);

const size = (name) => wanted.get(`${name}.gz`)?.length ?? wanted.get(name).length;
const first = firstLoad(built.metafile.outputs).reduce((sum, name) => sum + size(name), 0);
const style = [...files.keys()].filter((name) => name.endsWith(".css")).reduce((sum, name) => sum + size(name), 0);
const all = [...files.keys()].reduce((sum, name) => sum + size(name), 0);
console.log(`first load: script ${first} bytes, style ${style} bytes; all ${all} bytes (gzip)`);
