// Bundles the tests with a host of their own in the place of the contract's modules: node build.mjs OUTDIR TESTS…

import { build } from "esbuild";

const [outdir, ...entryPoints] = process.argv.slice(2);
const host = new URL("host.ts", import.meta.url).pathname;
const inPlaceOfTheContract = {
    name: "host",
    setup: (build) => build.onResolve({ filter: /^mortar:/ }, () => ({ path: host })),
};
await build({ entryPoints, outdir, bundle: true, platform: "node", format: "esm", outExtension: { ".js": ".mjs" }, plugins: [inPlaceOfTheContract] });
