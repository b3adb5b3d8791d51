// The language of the page: every text is in one file a language.
import en from "/texts/en.js";
import ko from "/texts/ko.js";

export const LANGUAGES = { en: "English", ko: "한국어" };
const TEXTS = { en, ko };
const KEPT = "graft-studio-language";

function preferred() {
  const kept = localStorage.getItem(KEPT);
  if (kept in TEXTS) return kept;
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2));
  return wanted.find((tag) => tag in TEXTS) || "en";
}

export let language = preferred();

export function setLanguage(chosen) {
  language = chosen;
  localStorage.setItem(KEPT, chosen);
}

// A text; "{n}" takes a value. `key.one` is taken where n is 1 and the language has it.
export function t(key, values = {}) {
  const texts = TEXTS[language];
  const one = values.n === 1 ? texts[`${key}.one`] : undefined;
  const text = one ?? texts[key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, word) => (word in values ? format(values[word]) : whole));
}

export const has = (key) => key in TEXTS[language] || key in en;

function format(value) {
  return typeof value === "number" ? value.toLocaleString(language) : value;
}

export const percent = (share, digits = 0) =>
  share.toLocaleString(language, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });

export function duration(seconds) {
  if (seconds < 55) return t("seconds", { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return t("minutes", { n: Math.max(1, Math.round(seconds / 60)) });
  return t("hours", { n: Math.round(seconds / 360) / 10 });
}
