/** Builds the tag and the snippets: `node build.mjs [folder]`, by default ../static. Same sources, same bytes. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const here = fileURLToPath(new URL(".", import.meta.url));
const target = process.argv[2] ?? join(here, "..", "static");

async function bundle(entry, format) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    absWorkingDir: here,
    bundle: true,
    write: false,
    format,
    target: "es2015",
    charset: "ascii",
    minifySyntax: true,
    // Without the project's `strict`, which would add "use strict" to the output.
    tsconfigRaw: { compilerOptions: { target: "ES2015" } },
  });
  return result.outputFiles[0].text;
}

async function shrink(code) {
  const { code: text } = await minify(code, {
    ecma: 2015,
    toplevel: true,
    compress: { passes: 4, inline: 1, booleans_as_integers: true, unsafe_arrows: true, pure_getters: true, keep_fargs: false },
    // Names of our own; those that a page or the browser reads must stay.
    mangle: { toplevel: true, properties: { regex: /^(triedMs|json)$/ } },
    format: { ascii_only: true, comments: false },
  });
  return text + "\n";
}

mkdirSync(target, { recursive: true });
for (const [entry, format, file] of [
  ["replay.ts", "iife", "shopalytic.v1.js"],
  ["snippet.ts", "esm", "snippet.js"],
]) {
  const text = await shrink(await bundle(entry, format));
  writeFileSync(join(target, file), text);
  console.log(`${file}: ${text.length} bytes, ${gzipSync(text, { level: 9 }).length} gzip`);
}
