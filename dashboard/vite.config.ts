import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Who serves the built files sends this policy too. Styles are set through the DOM's own objects, which it allows.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

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
  preview: {
    ...server,
    headers: {
      "Content-Security-Policy": CONTENT_SECURITY_POLICY,
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
    },
  },
  build: {
    // The policy allows no data: addresses, and no inline script that would load the modules ahead.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
