// What the demo page says, in English and Chinese.

const words = {
  en: {
    tagline: "Files go straight to OSS; the service only hands out the key.",
    language: "中文",
    signInTitle: "A token, please",
    signInHint: "Open this page with the link that `oss-valet dev` prints, or paste a JWT. It stays in this tab.",
    token: "Bearer token (JWT)",
    signIn: "Continue",
    signInFailed: "This token was not accepted: {detail}",
    profile: "Profile",
    method: "Method",
    methodPost: "Form (POST)",
    methodPut: "Presigned PUT",
    sdkOnly: "multipart and sts are for SDKs",
    rules: "{types} · up to {size} · the grant lives {lifetime}",
    anyType: "Any type",
    optional: "optional",
    dropTitle: "Drop files here",
    dropHint: "or click to choose; several at once are fine",
    noMethod: "This profile is for SDKs only (multipart or STS credentials); a plain page cannot use it.",
    noProfiles: "This token may not use any profile.",
    listTitle: "Uploads",
    clear: "Clear finished",
    cancel: "Cancel",
    retry: "Try again",
    detailsTitle: "Answer and ledger as JSON",
    answerTitle: "What the callback answered, through OSS",
    ledgerTitle: "What the ledger recorded (GET /v1/uploads/{id})",
    noAnswer: "none: the callback failed or its answer was lost",
    queued: "queued",
    issuing: "asking",
    sending: "uploading",
    confirming: "confirming",
    waiting: "waiting to retry",
    done: "completed",
    recovered: "completed",
    cancelled: "cancelled",
    failed: "failed",
    recoveredWhy: "Stored, but the callback failed ({why}). The service looked for itself and recorded it.",
    recoveredLost: "OSS's answer was lost. The service looked for itself and recorded it.",
    cancelledWhy: "Cancelled; the grant is withdrawn.",
    progressOf: "Progress of {file}",
    said: "{file}: {state}",
    factKey: "Key",
    factSize: "Size",
    factType: "Type",
    factEtag: "ETag",
    factSource: "Learned by",
    bytes: "{n} bytes",
    minutes: "{n} min",
    seconds: "{n} s",
  },
  zh: {
    tagline: "文件直传 OSS，服务只负责发放钥匙。",
    language: "English",
    signInTitle: "请提供令牌",
    signInHint: "请用 `oss-valet dev` 打印的链接打开本页，或粘贴一个 JWT。令牌只保存在当前标签页。",
    token: "Bearer 令牌（JWT）",
    signIn: "继续",
    signInFailed: "令牌未被接受：{detail}",
    profile: "上传规则",
    method: "上传方式",
    methodPost: "表单（POST）",
    methodPut: "预签名 PUT",
    sdkOnly: "multipart 与 sts 供 SDK 使用",
    rules: "{types} · 最大 {size} · 授权有效 {lifetime}",
    anyType: "任意类型",
    optional: "可选",
    dropTitle: "将文件拖到这里",
    dropHint: "或点击选择，可一次选多个",
    noMethod: "此规则仅供 SDK 使用（分片或 STS 临时凭证），普通网页无法直接上传。",
    noProfiles: "此令牌没有可用的上传规则。",
    listTitle: "上传列表",
    clear: "清除已结束",
    cancel: "取消",
    retry: "重试",
    detailsTitle: "回调应答与账本记录（JSON）",
    answerTitle: "回调的应答（经 OSS 返回）",
    ledgerTitle: "账本中的记录（GET /v1/uploads/{id}）",
    noAnswer: "无：回调失败，或应答丢失",
    queued: "排队中",
    issuing: "申请授权",
    sending: "上传中",
    confirming: "确认中",
    waiting: "等待重试",
    done: "已完成",
    recovered: "已完成",
    cancelled: "已取消",
    failed: "失败",
    recoveredWhy: "文件已存储，但回调失败（{why}）。服务已自行核实并入账。",
    recoveredLost: "OSS 的应答丢失。服务已自行核实并入账。",
    cancelledWhy: "已取消，授权已收回。",
    progressOf: "{file} 的上传进度",
    said: "{file}：{state}",
    factKey: "对象名",
    factSize: "大小",
    factType: "类型",
    factEtag: "ETag",
    factSource: "得知方式",
    bytes: "{n} 字节",
    minutes: "{n} 分钟",
    seconds: "{n} 秒",
  },
};

const REMEMBERED = "oss-valet.language";

export let language = remembered() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  try {
    localStorage.setItem(REMEMBERED, language);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

/** The text for `name`, with `{placeholders}` filled in; a placeholder without a value stays as it is written. */
export function say(name, values = {}) {
  return words[language][name].replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

export function translate(root) {
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
}

export function sayBytes(n) {
  if (n < 1024) return `${n} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let [value, unit] = [n / 1024, 0];
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[unit]}`;
}

export function sayDuration(seconds) {
  return seconds % 60 === 0 ? say("minutes", { n: seconds / 60 }) : say("seconds", { n: seconds });
}

function remembered() {
  try {
    const word = localStorage.getItem(REMEMBERED);
    return word in words ? word : null;
  } catch {
    return null;
  }
}
