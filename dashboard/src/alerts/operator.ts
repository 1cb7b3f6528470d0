/** Who acts, and the token that allows it. Kept until the tab is closed, never longer. */

const TOKEN = "operator-token";
const NAME = "operator-name";

export interface Operator {
  name: string;
  token: string;
}

export function rememberedOperator(): Operator {
  return { name: sessionStorage.getItem(NAME) ?? "", token: sessionStorage.getItem(TOKEN) ?? "" };
}

export function rememberOperator({ name, token }: Operator): void {
  sessionStorage.setItem(NAME, name);
  sessionStorage.setItem(TOKEN, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN);
}
