// npm openid-client goes the whole way against the provider: discovery, code flow with PKCE, userinfo, introspection, refresh, revocation, logout.
// It speaks with the test in lines of JSON: addresses that the person's browser has to visit go out, the addresses where the browser came back to come in.
import { createInterface } from "node:readline";
import * as oidc from "openid-client";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => JSON.parse((await lines.next()).value);
const say = (value) => console.log(JSON.stringify(value));
const visited = async (url) => (say({ visit: url.href }), new URL((await next()).back));
const refused = async (attempt) => attempt.then(() => "", (error) => error.error ?? error.code ?? String(error));

const { issuer, id, secret, back, scope } = await next();
const config = await oidc.discovery(new URL(issuer), id, undefined, oidc.ClientSecretBasic(secret), { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] });

const signIn = async (more = {}) => {
  const verifier = oidc.randomPKCECodeVerifier(), state = oidc.randomState(), nonce = oidc.randomNonce();
  const asked = { redirect_uri: back, scope, state, nonce, code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", ...more };
  const answer = await visited(oidc.buildAuthorizationUrl(config, asked));
  return { answer, verifier, checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true } };
};

const first = await signIn();
const wrong = await refused(oidc.authorizationCodeGrant(config, first.answer, { ...first.checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() }));
const second = await signIn({ max_age: "3600" });
const tokens = await oidc.authorizationCodeGrant(config, second.answer, { ...second.checks, maxAge: 3600 });
const claims = tokens.claims();
const person = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token);
const told = await oidc.tokenIntrospection(config, fresh.access_token);
const before = await oidc.tokenIntrospection(config, tokens.access_token);
say({ wrong, claims, person, refreshed: fresh.claims() ?? null, expires: tokens.expires_in, told, before });

const out = await visited(oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: back, id_token_hint: (fresh.id_token ?? tokens.id_token), state: "bye" }));
const after = await oidc.tokenIntrospection(config, fresh.access_token);
say({ out: out.href, after, refresh: await refused(oidc.refreshTokenGrant(config, fresh.refresh_token)) });

const third = await signIn();
const last = await oidc.authorizationCodeGrant(config, third.answer, third.checks);
await oidc.tokenRevocation(config, last.refresh_token);
say({ revoked: await oidc.tokenIntrospection(config, last.access_token) });
process.exit(0);
