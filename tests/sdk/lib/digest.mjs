// What OSS computes of the bytes, computed once more.

import { createHash, randomBytes } from "node:crypto";

const MASK = 0xffff_ffff_ffff_ffffn;
const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let value = BigInt(byte);
  for (let bit = 0; bit < 8; bit += 1) value = value & 1n ? (value >> 1n) ^ 0xc96c_5795_d787_0f42n : value >> 1n;
  return value;
});

/** CRC-64/XZ, decimal, as in `x-oss-hash-crc64ecma`. */
export function crc64(bytes) {
  let value = MASK;
  for (const byte of bytes) value = TABLE[Number((value ^ BigInt(byte)) & 0xffn)] ^ (value >> 8n);
  return (value ^ MASK).toString();
}

/** Upper-case hex, as in an `ETag`. */
export const md5 = (bytes) => createHash("md5").update(bytes).digest("hex").toUpperCase();

/** Random bytes and what to expect of them. */
export function sample(size) {
  const bytes = randomBytes(size);
  return { bytes, size, md5: md5(bytes), crc64: crc64(bytes) };
}

if (crc64(Buffer.from("123456789")) !== "11051210869376104954") throw new Error("the CRC-64 here is not CRC-64/XZ");
