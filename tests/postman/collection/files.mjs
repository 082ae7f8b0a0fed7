// The files that are uploaded: paths as Postman finds them from its working directory, and their sizes.

import { statSync } from "node:fs";

const home = new URL("../../../deploy/postman/", import.meta.url);

const file = (path, type) => ({ path, type, name: path.split("/").pop(), size: statSync(new URL(path, home)).size });

export const photo = file("files/photo.png", "image/png");
export const note = file("files/note.txt", "text/plain");
export const parts = [file("files/part-1.txt", "text/plain"), file("files/part-2.txt", "text/plain")];
