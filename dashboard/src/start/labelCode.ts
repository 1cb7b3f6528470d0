/** Most characters that the server takes for a code. */
const MAX_LENGTH = 60;

/**
 * The code on a device's label as it is printed: capitals, in groups of four, with digits where letters look like them.
 * What somebody typed is so compared with the label more easily; the server takes it in any spelling.
 */
export function asPrinted(input: string): string {
  const plain = input.replaceAll(/[\s-]/g, "").toUpperCase().replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  const printed = (plain.match(/.{1,4}/g) ?? []).join("-");
  return printed.length > MAX_LENGTH ? plain : printed;
}
