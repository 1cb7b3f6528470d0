import html from "../../../docs/devices.md";

/** How a device sends readings: docs/devices.md, made into HTML when the dashboard was built. */
export default function DevicesGuide() {
  return (
    <main className="page">
      <article className="panel document" lang="en" dangerouslySetInnerHTML={{ __html: html }} />
    </main>
  );
}
