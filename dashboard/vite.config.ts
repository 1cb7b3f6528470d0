import { readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// A laptop is as strict as the cluster: what nginx adds to every answer, the preview adds too.
const nginx = readFileSync(new URL("nginx.conf", import.meta.url), "utf8");
const headers: Record<string, string> = Object.fromEntries(
  [...nginx.matchAll(/^ *add_header (\S+) "(.*)" always;$/gm)].map(([, name, value]) => [name ?? "", value ?? ""]),
);

const server = {
  host: "127.0.0.1",
  port: Number(process.env.PORT ?? 8080),
  strictPort: true,
  proxy: {
    "/api": { target: process.env.API_URL ?? "http://127.0.0.1:8082", ws: true },
    "/ingest": { target: process.env.GATEWAY_URL ?? "http://127.0.0.1:8081" },
  },
};

export default defineConfig({
  plugins: [react()],
  server,
  preview: { ...server, headers },
  build: {
    // The policy allows no data: addresses, and no inline script that would load the modules ahead.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
