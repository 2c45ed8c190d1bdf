/** Builds the tag and the snippets: `node build.mjs [folder]`, by default ../static. Same sources, same bytes. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

const here = fileURLToPath(new URL(".", import.meta.url));
const target = process.argv[2] ?? join(here, "..", "static");

// On a server, where a bundler's code may run too, there is no page: then the methods do nothing.
const NO_PAGE = "const window = globalThis.window || {}, document = globalThis.document || {}, location = globalThis.location || {};";

async function bundle(entry, format, banner = "") {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    absWorkingDir: here,
    bundle: true,
    write: false,
    format,
    banner: { js: banner },
    // import.meta is younger than the rest.
    target: entry == "module.ts" ? "es2020" : "es2015",
    charset: "ascii",
    minifySyntax: true,
    // Without the project's `strict`, which would add "use strict" to the output.
    tsconfigRaw: { compilerOptions: { target: "ES2015" } },
  });
  // As esbuild writes it, the shrinker may not take a name for unchanging.
  return result.outputFiles[0].text.replace(/^  var /gm, "  let ");
}

async function shrink(code, isModule) {
  const { code: text } = await minify(code, {
    ecma: 2015,
    module: isModule,
    toplevel: true,
    compress: { passes: 4, inline: 1, booleans_as_integers: true, unsafe_arrows: true, pure_getters: true, keep_fargs: false, sequences: false },
    // Names of our own; those that a page or the browser reads must stay.
    mangle: { toplevel: true, properties: { regex: /^(triedMs|json)$/ } },
    format: { ascii_only: true, comments: false },
  });
  return text + "\n";
}

mkdirSync(target, { recursive: true });
copyFileSync(join(here, "types", "shopalytic.v1.d.mts"), join(target, "shopalytic.v1.d.mts"));
for (const [entry, format, file, banner] of [
  ["replay.ts", "iife", "shopalytic.v1.js"],
  ["module.ts", "esm", "shopalytic.v1.mjs", NO_PAGE],
  ["snippet.ts", "esm", "snippet.js"],
]) {
  const text = await shrink(await bundle(entry, format, banner), entry == "module.ts");
  writeFileSync(join(target, file), text);
  console.log(`${file}: ${text.length} bytes, ${gzipSync(text, { level: 9 }).length} gzip`);
}
