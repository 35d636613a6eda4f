// A relying party on the certified openid-client, told by argument where the provider is.
// Prints the authorization URL, reads the callback URL from standard input, and prints what it learned.
import * as client from 'openid-client'
import readline from 'node:readline/promises'

const [issuer, clientId, clientSecret, redirectUri, machineId, machineSecret] = process.argv.slice(2)
const insecure = { execute: [client.allowInsecureRequests] }
const config = await client.discovery(new URL(issuer), clientId, clientSecret, client.ClientSecretBasic(clientSecret), insecure)
const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce()
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: 'openid profile email',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
  max_age: '3600',
})
console.log(url.href)

const lines = readline.createInterface({ input: process.stdin })
const callback = new URL((await lines[Symbol.asyncIterator]().next()).value)
const tokens = await client.authorizationCodeGrant(config, callback, {
  pkceCodeVerifier: verifier,
  expectedState: state,
  expectedNonce: nonce,
  maxAge: 3600,
  idTokenExpected: true,
})
const claims = tokens.claims()
const person = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
const seen = await client.tokenIntrospection(config, refreshed.access_token)
await client.tokenRevocation(config, refreshed.refresh_token)
const gone = await client.tokenIntrospection(config, refreshed.access_token)
const machine = await client.discovery(new URL(issuer), machineId, machineSecret, client.ClientSecretPost(machineSecret), insecure)
const own = await client.clientCredentialsGrant(machine, { scope: 'api' })
const out = client.buildEndSessionUrl(config, { post_logout_redirect_uri: redirectUri, id_token_hint: tokens.id_token })
console.log(JSON.stringify({ claims, person, seen, gone, own: own.scope, out: out.href }))
lines.close()
