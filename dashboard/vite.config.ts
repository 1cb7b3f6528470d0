import { readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { marked } from "marked";
import type { Plugin, ProxyOptions } from "vite";
import { defineConfig } from "vitest/config";

// A laptop is as strict as the cluster: what nginx adds to every answer, the preview adds too.
const nginx = readFileSync(new URL("nginx.conf", import.meta.url), "utf8");
const headers: Record<string, string> = Object.fromEntries(
  [...nginx.matchAll(/^ *add_header (\S+) "(.*)" always;$/gm)].map(([, name, value]) => [name ?? "", value ?? ""]),
);

/** The front door stands for the load balancer: it forwards a path as it is written or not at all, and to nobody else. */
function forward(target: string): ProxyOptions {
  return {
    target,
    ws: true,
    bypass: (request) => (isPlain(request.url ?? "") && isLocal(request.headers.host ?? "") ? undefined : false),
    configure: (proxy) => {
      // An answer that comes before the end of a body is the answer: the rest is read, so that it is not lost in a reset.
      proxy.on("proxyRes", (answer, request) => {
        if (request.complete) return;
        delete answer.headers.connection;
        request.unpipe();
        request.resume();
      });
      proxy.on("error", (_error, _request, response) => {
        if ("headersSent" in response && !response.headersSent) response.writeHead(502).end();
      });
    },
  };
}

/** Whether no normalisation would make another path of it: a service answers paths outside of its own, too. */
function isPlain(url: string): boolean {
  try {
    return !/[\\\0]|\/\/|(^|\/)\.{1,2}(\/|;|$)/.test(decodeURIComponent(url.replace(/[?#].*/s, "")));
  } catch {
    return false;
  }
}

/** Whether a browser reached this machine by a name that only this machine has (no DNS rebinding). */
function isLocal(host: string): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host);
}

/** A page of docs/ as HTML, made while building: nothing that runs in a browser has to know Markdown. */
function documents(): Plugin {
  return {
    name: "documents",
    enforce: "pre",
    transform(text, id) {
      if (!id.endsWith(".md")) return undefined;
      // Other files of the repository are not served.
      const withoutFiles = text.replace(/\[([^\]]+)\]\((?!https?:|#)[^)]*\)/g, "$1");
      return { code: `export default ${JSON.stringify(marked.parse(withoutFiles, { async: false }))};`, map: null };
    },
  };
}

const server = {
  host: "127.0.0.1",
  port: Number(process.env.PORT ?? 8080),
  strictPort: true,
  proxy: {
    "^/api(/|$)": forward(process.env.API_URL ?? "http://127.0.0.1:8082"),
    "^/ingest/": forward(process.env.GATEWAY_URL ?? "http://127.0.0.1:8081"),
  },
};

export default defineConfig({
  plugins: [react(), documents()],
  server: { ...server, fs: { allow: [".", "../docs"] } },
  preview: { ...server, headers },
  build: {
    // The policy allows no data: addresses, and no inline script that would load the modules ahead.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
