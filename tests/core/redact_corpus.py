"""
The development corpus of redaction: generated secrets in generated lines, and lines that only look like it.

A sample is a secret of some category, in a template that tells what it is, in a carrier: plain text, JSON, a URL,
a header, a traceback. It is found when nothing of the secret is left. A clean line is right when it is given
back unchanged. Everything comes from one seed, so the numbers can be repeated; the secrets are made at run
time, so no scanner takes this file for a leak.
"""

import base64
import json
import random
import string
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tracelog.core.redact import Redactor

SEED = 20261122
LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"

Make = Callable[[random.Random], str]


class Sample(NamedTuple):
    """
    A line with a secret.
    """

    category: str
    text: str
    secret: str


class Verdict(NamedTuple):
    """
    What a redactor did with the corpus.

    Attributes:
        found: For each category how many secrets are gone, and of how many.
        changed: How many clean lines were changed, and of how many.
        missed: Samples that still hold their secret.
        spoiled: Clean lines that were changed, before and after.
    """

    found: dict[str, tuple[int, int]]
    changed: tuple[int, int]
    missed: list[Sample]
    spoiled: list[tuple[str, str]]

    @property
    def recall(self) -> float:
        return sum(found for found, _ in self.found.values()) / sum(of for _, of in self.found.values())

    @property
    def precision(self) -> float:
        found = sum(found for found, _ in self.found.values())
        return found / (found + self.changed[0])


def some(chance: random.Random, letters: str, low: int, high: int = 0) -> str:
    """
    Return *low* to *high* of *letters*.
    """
    return "".join(chance.choices(letters, k=chance.randint(low, high or low)))


def of(prefix: str, letters: str, low: int, high: int = 0, suffix: str = "") -> Make:
    return lambda chance: prefix + some(chance, letters, low, high) + suffix


def b64(data: str | bytes) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def password(chance: random.Random) -> str:
    return (
        chance.choice(["hunter", "Winter", "correct", "tiger"])
        + some(chance, LETTERS + "!$*_", 4, 14)
        + some(chance, "0123456789", 2)
    )


def token(chance: random.Random) -> str:
    """
    Return letters and digits that surely hold some of each kind.
    """
    return "".join(chance.sample(some(chance, LETTERS, 20, 44) + some(chance, "0123456789", 3) + "aZ", k=25))


def jwt(chance: random.Random) -> str:
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": some(chance, "0123456789", 10), "n": chance.random()}]
    bodies = [b64(json.dumps(part)).rstrip("=").replace("+", "-").replace("/", "_") for part in parts]
    return ".".join([*bodies, some(chance, LETTERS + "-_", 43)])


def pem(chance: random.Random) -> str:
    kind = chance.choice(["RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "])
    body = "\n".join(some(chance, LETTERS + "+/", 64) for _ in range(chance.randint(3, 20)))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


SECRETS: dict[str, tuple[list[Make], list[str]]] = {
    "1 vendor keys": (
        [
            of("AKIA", string.ascii_uppercase + "234567", 16), of("ghp_", LETTERS, 36), of("gho_", LETTERS, 36),
            of("github_pat_", LETTERS, 22, suffix="_" + 59 * "x"), of("glpat-", LETTERS + "-", 20), of("xoxb-1234567890-", LETTERS, 24),
            of("xapp-1-A0-", LETTERS, 40), of("sk_live_", LETTERS, 24), of("rk_test_", LETTERS, 24), of("whsec_", LETTERS, 32),
            of("sk-proj-", LETTERS, 48), of("sk-ant-api03-", LETTERS + "-_", 80), of("AIza", LETTERS + "-_", 35),
            of("ya29.", LETTERS + "-_", 60), of("GOCSPX-", LETTERS, 28), of("npm_", LETTERS, 36), of("pypi-AgEIcHlwaS5vcmc", LETTERS, 80),
            of("SG.", LETTERS, 22, suffix="." + 43 * "k"), of("SK", HEX, 32), of("shpat_", HEX, 32), of("12345678:AA", LETTERS, 33),
            of("hvs.", LETTERS, 24), of("hf_", LETTERS, 34), of("gsk_", LETTERS, 52), of("dop_v1_", HEX, 64), of("lin_api_", LETTERS, 40),
            of("glsa_", LETTERS, 32), of("dp.st.prd.", LETTERS, 43), of("dckr_pat_", LETTERS, 27), of("NRAK-", string.ascii_uppercase + "0123456789", 27),
            of("rubygems_", HEX, 48), of("PMAK-", HEX, 24, suffix="-" + 34 * "a"), of("dapi", HEX, 32), of("AGE-SECRET-KEY-1", "QPZRY9X8GF2TVDW0", 58), of("ATATT3xFfGF0", LETTERS, 60), of("sq0csp-", LETTERS, 43), of("tskey-auth-", LETTERS, 32), of("cfut_", LETTERS, 40), of("fm2_", LETTERS + "+/", 80), of("AX0nACQg", LETTERS, 48),
            lambda chance: f"re_{some(chance, LETTERS, 8)}_{some(chance, LETTERS + '0123456789', 24)}",
        ],
        ["{}", "using key {} for the call", "key={}", "remote said: {} is invalid", "[{}]", "loaded credentials ({})"],
    ),
    "1 deploy keys": (
        [of("", LETTERS, 40)],
        ["prod:happy-animal-123|{}", "CONVEX_DEPLOY_KEY=dev:happy-animal-123|{}", "https://api.telegram.org/bot123456789:AA{}/getMe"],
    ),
    "2 signed tokens": (
        [jwt, of("v4.local.", LETTERS + "-_", 80, 200), of("v2.public.", LETTERS + "-_", 120)],
        ["{}", "session token {} expired", "id_token={}", "verify({}) failed", "saw {} twice"],
    ),
    "2 SAML": (
        [lambda chance: b64("<samlp:Response ID='" + some(chance, LETTERS, 60) + "'>")],
        ["SAMLResponse={}", '{{"SAMLResponse": "{}"}}', "POST /acs SAMLResponse={}&RelayState=x"],
    ),
    "3 headers": (
        [token],
        [
            "Authorization: Bearer {}", "authorization: Token {}", '{{"Authorization": "Bearer {}"}}', "X-Api-Key: {}", "x-auth-token: {}",
            "Cookie: theme=dark; sid={}", "Set-Cookie: session={}; Path=/; HttpOnly", "Proxy-Authorization: Basic dXNlcjo{}", "> Authorization: Bearer {} <",
            "[('Authorization', 'Bearer {}'), ('Accept', '*/*')]", "headers={{'X-Vault-Token': '{}'}}", "x-amz-security-token: {}",
            "rawHeaders: ['Host', 'db', 'X-Api-Key', '{}']", 'http.Header{{"X-Api-Key":[]string{{"{}"}}}}',
        ],
    ),
    "4 named values": (
        [password, token],
        [
            "password={}", "password: {}", "login failed, password={} tried", "user=bob&password={}&remember=1", '{{"user":"bob","password":"{}"}}',
            "db_password = '{}'", "mysql --user bob --password {} --host db", "client_secret={}", "GET /hook?access_token={}&page=2", "PGPASSWORD={} psql",
            "passwd={}", "api_key={}", "apiKey: '{}'", "refresh_token={}", "secret: {}", "{{'token': '{}', 'n': 1}}", 'access_token => "{}"',
            "Credentials(user='bob', password='{}')", "level=info password={} status=200", "<password>{}</password>", "pwd={};Database=x",
            "the password is {}", "--api-key={}", "passphrase={}", "session_id={}", '{{"name": "DB_PASSWORD", "value": "{}"}}',
            "\x1b[35mpassword\x1b[0m=\x1b[36m{}\x1b[0m", "pass%77ord={}", "pass\u200bword={}", "name: api_key\n  value: {}", "('password', '{}')",
            "password=SecretStr('{}')", "    password: str = '{}'", "UID=sa;PWD={{{}}};Database=x", '"HSET" "user:1" "password" "{}"', 'form-data; name="password"\r\n\r\n{}\r\n--b', "Passwort: {}",
        ],
    ),
    "4 other carriers": (
        [lambda chance: some(chance, LETTERS, 8, 20) + "7a"],
        [
            "password:\n  {}", "db:\n  user: bob\n  api_key:\n    {}\n  port: 1", "password: |\n  {}\n", "secret -> {}", "token => {}", "password -> {} was set",
            "password=&quot;{}&quot;", "&quot;api_key&quot;:&quot;{}&quot;", "pin=&#39;{}&#39;", "INSERT INTO users (name, password) VALUES ('bob', '{}')",
            "machine db.local login bob password {}", "machine db.local\n  login bob\n  password {}", "Step 3/9 : ENV DB_PASSWORD {}", "ENV API_TOKEN {}",
            "<pass>{}</pass>", "<user>bob</user><pw>{}</pw>", "пароль: {}", "密码={}", "密码\uff1a{}", "Contraseña: {}", "mot de passe: {}", "Passwort={}", "senha: {}",
            'insert into t(id,token) values (1,"x77x7"),(2,"{}")', "AUTH default {}", '"AUTH" "bob" "{}"', "redis> AUTH bob {}", "['AUTH', 'bob', '{}']",
        ],
    ),
    "4 command lines": (
        [lambda chance: some(chance, LETTERS, 8, 20) + "7a"],
        [
            "curl -u bob:{} https://api.example.com/x", "curl -s --user bob:{} https://api.example.com", "mysql -u root -p{} shop",
            "sshpass -p {} ssh bob@host", "redis-cli -h cache -a {} ping", "docker login -u bob -p {} registry.example.com",
            "['mysql', '-uroot', '-p{}', 'shop']", "['curl', '-u', 'bob:{}']", "['--password', '{}']", "mongodump -u bob -p {}", "ldapsearch -x -w {}",
            "wget --http-user=bob --http-password={} https://x", "+ curl -X POST -u bob:{} https://x",
        ],
    ),
    "6 connection strings": (
        [lambda chance: some(chance, LETTERS, 8, 24)],
        [
            "postgres://bob:{}@db:5432/shop", "redis://:{}@cache:6379/0", "mongodb+srv://bob:{}@c0.mongodb.net/x", "amqps://bob:{}@mq/vhost",
            "smtp://mailer:{}@mail:587", "dsn=bob:{}@tcp(db:3306)/shop", "jdbc:oracle:thin:bob/{}@db:1521/x", "jdbc:mysql://db/x?user=bob&password={}",
            "Server=db;User Id=sa;Password={};Database=x", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={};EndpointSuffix=core",
            "host=db user=bob password={} dbname=x", "DATABASE_URL=mysql://bob:{}@db/shop", "Endpoint=sb://x/;SharedAccessKeyName=r;SharedAccessKey={}",
        ],
    ),
    "7 private keys": (
        [pem, lambda chance: pem(chance).replace("\n", "\\n"), lambda chance: pem(chance).rsplit("\n", 2)[0]],
        ["{}", "loaded {}", '{{"private_key": "{}"}}', "key: {}"],
    ),
    "8 secret addresses": (
        [lambda chance: some(chance, LETTERS, 24, 40)],
        [
            "https://hooks.slack.com/services/T0123ABCD/B0123ABCD/{}", "https://discord.com/api/webhooks/123456789/{}",
            "https://x.webhook.office.com/webhookb2/a@b/IncomingWebhook/{}", "https://hooks.zapier.com/hooks/catch/123456/{}/",
            "https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Signature={}", "https://a.blob.core.windows.net/c?sv=1&se=2&sig={}%3D",
            "https://storage.googleapis.com/b/o?X-Goog-Signature={}", "https://maker.ifttt.com/trigger/door/with/key/{}",
             "https://bob:{}@git.example.com/r.git",
        ],
    ),
    "10 codes": (
        [lambda chance: some(chance, "0123456789", 6)],
        [
            "otp={}", "your verification code is {}", "OTP: {}", "Your one-time code is {}", '{{"otp": "{}"}}', "{} is your login code",
            "2FA code {} sent", "mfa_code={}", "pin={}", "security code: {}", "Enter code {} to go on",
            "Your code: {}", "{} is your Acme code", "code {} expires in 5 minutes", "mfa={}",
        ],
    ),
    "10 grants": (
        [token],
        ["GET /callback?code={}&state=x", "GET /callback?state=x1y2&code={}", "code={}&state=abc", "https://app/#code={}&state=abc", "device_code={}", "code_verifier={}", '{{"device_code": "{}"}}', "authorization_code={}"],
    ),
    "11 chance beside a cue": (
        [lambda chance: base64.b64encode(chance.randbytes(36)).decode()],
        ["STRIPE_KEY={}", "key: {}", "token {} rejected", "using secret {}", "export APP_KEY={}", "signature={}", '{{"key": "{}"}}', "hmac={}"],
    ),
}  # fmt: skip
"""Category → what makes a secret, and the templates that it stands in."""


def plain(chance: random.Random, text: str) -> str:
    return chance.choice(["", "2026-11-22 15:40:38 INFO ", "worker-3: ", "[app] "]) + text


CARRIERS: list[Callable[[random.Random, str], str]] = [
    plain,
    plain,
    lambda _chance, text: json.dumps({"level": "info", "message": text, "n": 7}),
    lambda _chance, text: json.dumps({"body": json.dumps({"note": text})}),
    lambda _chance, text: (
        f'Traceback (most recent call last):\n  File "app.py", line 7, in call\nValueError: {text}\n'
    ),
    lambda _chance, text: repr({"args": (1, text), "kwargs": {}}),
    lambda _chance, text: f"ts=2026-11-22T15:40:38Z level=error msg={json.dumps(text)} n=4",
    lambda _chance, text: f"\x1b[31mERROR\x1b[0m {text}",
]


def samples(count: int, seed: int) -> Iterator[Sample]:
    """
    Yield *count* samples, as many of each category.
    """
    chance = random.Random(seed)
    categories = sorted(SECRETS)
    for number in range(count):
        category = categories[number % len(categories)]
        makers, templates = SECRETS[category]
        secret = chance.choice(makers)(chance)
        text = chance.choice(templates).format(secret)
        yield Sample(category, chance.choice(CARRIERS)(chance, text), secret)


def uuid4(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


CLEAN: list[Make] = [
    lambda c: f"request {uuid4(c)} done in {c.randrange(900)} ms",
    lambda c: f"commit {some(c, HEX, 40)} by Jane Doe",
    lambda c: f"trace_id={some(c, HEX, 32)} span_id={some(c, HEX, 16)}",
    lambda c: f"00-{some(c, HEX, 32)}-{some(c, HEX, 16)}-01",
    lambda c: f"sha256:{some(c, HEX, 64)} image pulled",
    lambda c: f"data:image/png;base64,iVBORw0KGgo{b64(c.randbytes(60))}",
    lambda c: f"background: url(data:image/gif;base64,R0lGODlh{b64(c.randbytes(40))})",
    lambda c: f"token_count={c.randrange(9999)} max_tokens={c.randrange(9999)}",
    lambda c: json.dumps({"usage": {"prompt_tokens": c.randrange(9999), "total_tokens": c.randrange(9999)}}),
    lambda c: f"author={c.choice(['Jane', 'Bob', 'Ada'])} authors: {c.randrange(9)} authority: high",
    lambda c: f"session_duration={c.randrange(9999)} session started for user {c.randrange(99)}",
    lambda c: f"csrf_valid=true password_attempts={c.randrange(300)} has_token=true",
    lambda c: f"/usr/lib/python3.11/site-packages/{c.choice(['keyring', 'secrets', 'tokenize'])}/backend{c.randrange(99)}.py",
    lambda c: f"C:\\Users\\bob\\secret\\token{c.randrange(99)}.txt was opened",
    lambda c: f"order 0x{some(c, HEX, 12)} at 0x{some(c, HEX, 16)}",
    lambda c: f"requests=={c.randrange(9)}.{c.randrange(99)}.{c.randrange(9)} installed, v1.{c.randrange(99)}.0-rc1+build.{some(c, HEX, 7)}",
    lambda c: f'<div class="css-{some(c, LETTERS, 6)} auth-form token-list password-field">',
    lambda c: f".secret-santa__key--primary{{color:#{some(c, HEX, 6)}}}",
    lambda c: f"function(e,t){{return e.token===t.key?e.auth(n):null}}var {some(c, string.ascii_lowercase, 2)}=1;",
    lambda c: f"SELECT id, token_type FROM api_keys WHERE user_id = {c.randrange(999)} ORDER BY key",
    lambda c: "ALTER TABLE users ADD COLUMN password_changed_at timestamp, DROP COLUMN secret",
    lambda c: f'  File "/srv/app/auth.py", line {c.randrange(900)}, in check_token',
    lambda c: f"at Object.getToken (/app/dist/main.{some(c, HEX, 20)}.js:{c.randrange(900)}:{c.randrange(90)})",
    lambda c: f"GET /auth/callback 200 in {c.randrange(90)} ms",
    lambda c: f"GET /api/v1/tokens/{uuid4(c)}/usage 200",
    lambda c: f"https://example.com/docs/secrets?page={c.randrange(99)}&sort=key#password-reset",
    lambda c: f"https://cdn.example.com/assets/index-{some(c, LETTERS, 8)}.js?v={some(c, HEX, 10)}",
    lambda c: f"cache_key=user:{c.randrange(9999)}:profile hit",
    lambda c: f"cache key={some(c, HEX, 32)} miss",
    lambda c: f"s3 key=uploads/2026/11/Avatar{c.randrange(9999)}LargeSquare.png",
    lambda c: f"redis key user:{uuid4(c)} expired",
    lambda c: "invalid token: expired",
    lambda c: f"Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON at position {c.randrange(90)}",
    lambda c: f"password reset mail {c.randrange(999)} sent to the user",
    lambda c: "password is required, password must have 8 letters",
    lambda c: f"Bearer authentication required, realm {c.randrange(9)}",
    lambda c: "password: ********, token=***, api_key=${API_KEY}, secret=<secret>",
    lambda c: f"Authorization header present, {c.randrange(9)} scopes",
    lambda c: f"primary key: id, sort key = date, foreign key user_{c.randrange(9)}",
    lambda c: f"keyboard interrupt after {c.randrange(90)} s, monkey=banana",
    lambda c: f"status code: {c.choice([200, 404, 503])}, exit code {c.randrange(200)}, error code=E{c.randrange(9999)}",
    lambda c: f"docker run -u {c.randrange(1000, 2000)}:{c.randrange(1000, 2000)} -p 8080:80 app",
    lambda c: f"ssh -p {c.randrange(9999)} bob@host.example.com, curl -u needs a name",
    lambda c: f"2026-11-22T15:40:{c.randrange(10, 60)}.{c.randrange(1000):03d}Z 10.0.0.{c.randrange(255)} GET /health 200",
    lambda c: f"worker-{some(c, string.ascii_lowercase + '0123456789', 5)}-{some(c, HEX, 10)} ready",
    lambda c: f'etag W/"{some(c, HEX, 16)}" integrity sha384-digest of bundle',
    lambda c: f"ObjectId('{some(c, HEX, 24)}') not found in collection tokens",
    lambda c: f"arn:aws:iam::{some(c, '0123456789', 12)}:role/secret-reader assumed",
    lambda c: f"01J{some(c, '0123456789ABCDEFGHJKMNPQRSTVWXYZ', 23)} enqueued",
    lambda c: f"eslint rule no-secrets: {c.randrange(90)} warnings; tokenizer: gpt2-large",
    lambda c: f"-----BEGIN CERTIFICATE-----\nMIID{some(c, LETTERS + '+/', 60)}\n-----END CERTIFICATE-----",
    lambda c: f"otp screen shown, pin pad v{c.randrange(9)}, verification code sent to +49",
    lambda c: f"card declined, credit_card_brand=visa last4={some(c, '0123456789', 4)}",
    lambda c: f"dsn=mydb pool={c.randrange(90)}",
    lambda c: f"['docker', 'run', '-p', '{c.randrange(9999)}:80', '-u', '1000:1000', '--max-tokens', '{c.randrange(9999)}']",
    lambda c: json.dumps({"name": "token_count", "value": c.randrange(9999)}),
    lambda c: f"GET /a%20b/password%2Freset?page={c.randrange(99)}&q=%22x%22",
    lambda c: f"\x1b[32mINFO\x1b[0m \x1b[1mtoken_count\x1b[0m={c.randrange(9999)} \x1b[36mauthor\x1b[0m=Jane",
    lambda c: f'name="author"\r\n\r\nJane {c.randrange(99)}\r\n--b',
    lambda c: f"SELECT * FROM users WHERE password IS NULL LIMIT {c.randrange(99)}",
    lambda c: f"password_reset_at=2026-11-22T15:40:{c.randrange(10, 60)}Z secretary=Ann passive=true",
    lambda c: f"fetch {c.choice(['credentials', 'credential'])}: {c.choice(['same-origin', 'include', 'omit', 'default'])} {c.randrange(99)}",
    lambda c: f"session={c.choice(['active', 'closed', 'new', 'open', 'idle'])} user={c.randrange(99)}",
    lambda c: json.dumps({"auth": c.choice(["basic", "oauth2", "jwt", "ldap"]), "n": c.randrange(99)}),
    lambda c: f"token={c.choice(['bearer', 'refresh', 'access'])} cookies={c.choice(['all', 'essential'])} otp={c.choice(['sent', 'verified'])}",
    lambda c: f"password = req.body.password; token = request.headers[{c.randrange(9)}]; secret = process.env.SECRET_{c.randrange(9)}",
    lambda c: json.dumps({"password": ["This field is required."], "n": c.randrange(9)}),
    lambda c: f"INSERT INTO users (id, password) VALUES ($1, {c.choice(['$2', '?', '%s', ':pw'])}) took {c.randrange(99)} ms",
    lambda c: f"INSERT INTO orders (id, name) VALUES ({c.randrange(9999)}, 'order {c.randrange(9999)}')",
    lambda c: f"flow: password -> otp -> done in {c.randrange(99)} ms, column token -> token_hash",
    lambda c: f"GET /shop?code={c.randrange(10000, 99999)}&state=CA&zipcode={c.randrange(10000, 99999)}",
    lambda c: f"AUTH service v2.{c.randrange(9)}.1 started, 250-AUTH PLAIN LOGIN CRAM-MD5",
    lambda c: f"password:\n  type: string\n  maxLength: {c.randrange(99)}",
    lambda c: f"re_render_{some(c, string.ascii_lowercase, 9)}_took {c.randrange(99)} ms, core_{some(c, string.ascii_lowercase, 9)}_enabled",
    lambda c: f"jwt=RS256 csrf=disabled auth=publickey api_key=primary line {c.randrange(99)}",
    lambda c: f"checksum={some(c, HEX, 64)} etag={some(c, HEX, 32)}",
    lambda c: f"ENV PASSWORD is not set, ENV TOKEN_TTL {c.randrange(9999)}, ENV NODE_ENV production",
    lambda c: f"this machine lets login users in with a password since v{c.randrange(9)}",
    lambda c: f"<pass>ed</pass> <pass/> <pins>{c.randrange(99)}</pins> <key>name</key>",
    lambda c: f"пароль: неверный ({c.randrange(99)}), 密码: 错误, contraseña: incorrecta, parol={c.randrange(99)}",
    lambda c: f"пароль изменён {c.randrange(99)} дней назад; 请输入密码。",
    lambda c: json.dumps({"sql": "UPDATE users SET name = ?, token_count = ? WHERE id = ?", "params": ["bob", 7, c.randrange(99)]}),
    lambda c: f"at async TokenService.refresh (/app/dist/{c.choice(['token', 'password', 'auth'])}.service.js:{c.randrange(900)}:{c.randrange(90)})",
    lambda c: f"src/auth/{c.choice(['password', 'secret'])}.py:{c.randrange(900)}: error",
    lambda c: f"token_type=bearer expires_in={c.randrange(9999)}",
    lambda c: f"arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-{some(c, LETTERS, 6)}",
    lambda c: f"--- PASS: TestToken{c.randrange(99)} (0.00s)",
    lambda c: f'eos_token_id={c.randrange(99999)} pad_token="<pad>"',
    lambda c: f"UPDATE users SET password = $1, token = @p0 WHERE id = {c.randrange(999)}",
    lambda c: f"GOOGLE_APPLICATION_CREDENTIALS=/srv/app{c.randrange(99)}/gcp.json",
    lambda c: json.dumps({"scopes": ["token:read", "secret:write"], "n": c.randrange(99)}),
    lambda c: f"body=dXNlcm5hbWU9Ym9iJnBhZ2U9M{c.randrange(9)}A= email=ZW1haWw9Ym9iJmxhbmc9ZGUmcGFnZT0z",
]  # fmt: skip


def clean_lines(count: int, seed: int) -> Iterator[str]:
    """
    Yield *count* lines without a secret, as many of each kind, in the same carriers as the samples.
    """
    chance = random.Random(seed + 1)
    for number in range(count):
        yield chance.choice(CARRIERS)(chance, CLEAN[number % len(CLEAN)](chance))


def judge(redactor: Redactor, with_secrets: Iterator[Sample], without: Iterator[str]) -> Verdict:
    """
    Return what *redactor* makes of the samples and of the clean lines.
    """
    found: Counter[str] = Counter()
    total: Counter[str] = Counter()
    missed: list[Sample] = []
    for sample in with_secrets:
        total[sample.category] += 1
        if _holds(redactor.text(sample.text), sample.secret):
            missed.append(sample)
        else:
            found[sample.category] += 1
    lines = list(without)
    spoiled = [(line, clean) for line in lines if (clean := redactor.text(line)) != line]
    rates = {category: (found[category], of) for category, of in sorted(total.items())}
    return Verdict(rates, (len(spoiled), len(lines)), missed, spoiled)


def report(verdict: Verdict) -> str:
    """
    Return *verdict* as a table, with the first of what went wrong.
    """
    rows = [f"{'category':<26}{'found':>8}{'of':>8}{'recall':>9}"]
    rows += [f"{name:<26}{got:>8,}{of:>8,}{got / of:>9.4f}" for name, (got, of) in verdict.found.items()]
    changed, lines = verdict.changed
    rows += [
        f"recall {verdict.recall:.4f}, precision {verdict.precision:.4f}",
        f"clean lines changed: {changed:,} of {lines:,} ({1000 * changed / lines:.2f} of 1,000)",
    ]
    rows += [f"missed [{sample.category}] {sample.text!r}" for sample in verdict.missed[:10]]
    rows += [f"changed {before!r}\n     to {after!r}" for before, after in verdict.spoiled[:10]]
    return "\n".join(rows)


def _holds(text: str, secret: str) -> bool:
    """
    Whether *text* still holds *secret* as a whole, or a piece of 12 characters of it.
    """
    pieces = [secret[at : at + 12] for at in range(0, max(1, len(secret) - 11), 6)]
    return any(piece in text for piece in pieces)
