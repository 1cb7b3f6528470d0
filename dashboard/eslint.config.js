import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** What a variable, a parameter or a property was called, where a noun says what it is. Functions may be verbs. */
const NAMES_NOTHING = `
  each made said told asked kept heard look looks met around beside besides one way ways whole place places trouble
  across apart drawn edited fired held here lasted put sent squeeze stays taken typed within wrong
`
  .trim()
  .split(/\s+/);

export default tseslint.config(
  { ignores: ["dist/", "src/api/schema.ts", "eslint.config.js"] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  reactHooks.configs.flat.recommended,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "It may be set back and forward: take now() of live/clock.ts." },
      ],
    },
  },
  {
    // What is said there is English, and keys repeat it.
    ignores: ["src/text/**"],
    rules: { "id-denylist": ["error", ...NAMES_NOTHING] },
  },
);
