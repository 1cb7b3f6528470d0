import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { apply, languageOf, preferences } from "./preferences/preferences";
import { loadTexts } from "./text";
import "./styles/index.css";

const root = document.getElementById("root");
if (root) {
  apply();
  void loadTexts(languageOf(preferences())).then(() => {
    createRoot(root).render(
      <StrictMode>
        <App />
      </StrictMode>,
    );
  });
}
