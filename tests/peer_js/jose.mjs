// A receiver of security events (RFC 8935) and of back-channel logout that takes a token only if npm jose verifies it with the keys that discovery names.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

const read = async (url) => (await fetch(url)).json();
let trust;
createInterface({ input: process.stdin }).on("line", async (line) => {
  const { issuer, audience } = JSON.parse(line);
  const events = await read(`${issuer}/.well-known/ssf-configuration`), signIn = await read(`${issuer}/.well-known/openid-configuration`);
  trust = {
    "/events": [createRemoteJWKSet(new URL(events.jwks_uri)), { issuer: events.issuer, audience, typ: "secevent+jwt", algorithms: ["EdDSA"], requiredClaims: ["jti", "iat", "events", "sub_id"] }],
    "/out": [createRemoteJWKSet(new URL(signIn.jwks_uri)), { issuer: signIn.issuer, audience, typ: "logout+jwt", algorithms: signIn.id_token_signing_alg_values_supported, requiredClaims: ["jti", "iat", "exp", "events", "sid"] }],
  };
  console.log("{}");
}).on("close", () => process.exit(0));

const server = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString(), out = request.url === "/out";
  const [keys, options] = trust[request.url], token = out ? new URLSearchParams(body).get("logout_token") : body;
  const said = { path: request.url, type: request.headers["content-type"] };
  try {
    said.claims = (await jwtVerify(token, keys, options)).payload;
    if ("nonce" in said.claims) throw new Error("a logout token has no nonce");
    for (const wrong of [{ audience: "somebody-else" }, { issuer: "http://elsewhere.example" }, { typ: "JWT" }])
      if (await jwtVerify(token, keys, { ...options, ...wrong }).then(() => true, () => false)) throw new Error(`taken in spite of ${JSON.stringify(wrong)}`);
    response.writeHead(out ? 200 : 202).end();
  } catch (error) {
    said.refused = String(error);
    response.writeHead(400, { "Content-Type": "application/json" }).end(JSON.stringify({ err: "invalid_request", description: said.refused }));
  }
  console.log(JSON.stringify(said));
}).listen(0, "127.0.0.1", () => console.log(JSON.stringify({ url: `http://localhost:${server.address().port}` })));
