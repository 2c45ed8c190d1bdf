/** localStorage that may be refused, full, or absent: nothing here throws. */
import { attempt, each, win } from "./natives";

export const getStored = (key: string): string | null | undefined => attempt(() => win.localStorage.getItem(key));

export const store = (key: string, value: string): void => attempt(() => win.localStorage.setItem(key, value));

export const unstore = (key: string): void => attempt(() => win.localStorage.removeItem(key));

/** The stored keys that begin with `prefix`, ascending. */
export const storedKeys = (prefix: string): string[] => {
  const keys: string[] = [];
  attempt(() => {
    each(win.localStorage, (key) => key.indexOf(prefix) || keys.push(key));
  });
  return keys.sort();
};
