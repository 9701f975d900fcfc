/** Builds the console into dist/; `--mode modules` builds its modules without pages for the tests, into build/. */

import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig(({ mode }) => ({
  base: "./",
  plugins: [vue()],
  define: { "process.env.NODE_ENV": '"production"', __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false" },
  publicDir: mode === "modules" ? false as const : "public",
  build: mode === "modules"
    ? { outDir: "build", minify: false, lib: { entry: "src/modules.ts", formats: ["es" as const], fileName: "modules" } }
    : { target: "es2022", modulePreload: { polyfill: false }, rolldownOptions: { checks: { pluginTimings: false } }, chunkSizeWarningLimit: 900 },
  server: { proxy: { "/api": "http://127.0.0.1:8420" } },
}));
