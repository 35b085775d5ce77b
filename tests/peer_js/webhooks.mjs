// A receiver of webhooks that takes a delivery only if npm standardwebhooks and npm svix both verify it (v1), and node's own Ed25519 does (v1a): neither library reads v1a.
import { createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";

let keys = {};
createInterface({ input: process.stdin }).on("line", (line) => (keys = JSON.parse(line), console.log("{}"))).on("close", () => process.exit(0));

const v1a = (body, headers) => {
  const x = Buffer.from(keys.public.slice("whpk_".length), "base64").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`), body]);
  const words = headers["webhook-signature"].split(" ").filter((word) => word.startsWith("v1a,"));
  if (!words.some((word) => verify(null, signed, key, Buffer.from(word.slice(4), "base64")))) throw new Error("v1a");
};
const attempts = {
  standardwebhooks: (body, headers) => new Standard(keys.secret).verify(body.toString(), headers),
  svix: (body, headers) => new Svix(keys.secret).verify(body.toString(), headers),
  v1a,
};

const server = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray());
  const said = { type: JSON.parse(body).type, refused: [] };
  for (const [name, attempt] of Object.entries(attempts)) {
    try { attempt(body, request.headers); } catch (error) { said.refused.push(name); }
    try { attempt(Buffer.concat([body, Buffer.from(" ")]), request.headers); said.refused.push(`${name} took what was changed`); } catch { /* as it should be */ }
  }
  console.log(JSON.stringify(said));
  response.writeHead(said.refused.length ? 400 : 204).end();
}).listen(0, "127.0.0.1", () => console.log(JSON.stringify({ url: `http://localhost:${server.address().port}/in` })));
