declare module "*.md" {
  /** As HTML. */
  const html: string;
  export default html;
}
