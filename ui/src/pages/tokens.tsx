// Who may come in: tokens for people and programs, and the sessions that browsers hold now.
import { useState } from "preact/hooks";
import { API, apiPost, problemFrom } from "../lib/api";
import { me } from "../lib/me";
import { revokeCommand } from "../lib/shell";
import type { Page as ListPage, Problem, Role, Session, Token, TokenCreated } from "../lib/types";
import { never, useResource } from "../live/resource";
import { heard, nowExact } from "../live/store";
import { Confirm } from "../parts/confirm";
import { CopyButton } from "../parts/copy";
import { Dialog } from "../parts/dialog";
import { Empty, Loaded, ProblemView } from "../parts/notice";
import { Page } from "../parts/page";
import { type Column, Table } from "../parts/table";
import { Time } from "../parts/time";

const ROLES: readonly { role: Role; may: string }[] = [
  { role: "viewer", may: "reads everything" },
  { role: "operator", may: "also runs, retries, cancels and pauses" },
  { role: "admin", may: "also manages tokens and backups" },
];
const DAY_MS = 86_400_000;
const LIVES = [
  { words: "never", days: 0 },
  { words: "in 30 days", days: 30 },
  { words: "in 90 days", days: 90 },
  { words: "in a year", days: 365 },
] as const;

// The secret is shown here once; nobody, the daemon neither, can show it again.
function Made({ token }: { token: TokenCreated }) {
  return (
    <div class="dialog-body">
      <p>
        The token of <strong>{token.name}</strong>, {token.role}. It is shown this once: only its hash is kept.
      </p>
      <p class="secret">
        <code data-testid="secret">{token.token}</code>
      </p>
      <p>
        <CopyButton text={token.token} words="Copy the token" />
      </p>
    </div>
  );
}

function NewToken({ close, made }: { close: () => void; made: () => void }) {
  const [name, nameSet] = useState("");
  const [role, roleSet] = useState<Role>("viewer");
  const [days, daysSet] = useState(90);
  const [problem, problemSet] = useState<Problem | null>(null);
  const [token, tokenSet] = useState<TokenCreated | null>(null);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    problemSet(null);
    const expires = days ? { expires_at: new Date(nowExact() + days * DAY_MS).toISOString() } : {};
    try {
      tokenSet(await apiPost<TokenCreated>(`${API}/tokens`, { name: name.trim(), role, ...expires }));
      made();
    } catch (error) {
      problemSet(problemFrom(error));
    }
  };
  return (
    <Dialog title="New token" close={close} testid="new-token">
      {token ? (
        <Made token={token} />
      ) : (
        <form onSubmit={(event) => void send(event)}>
          <div class="dialog-body">
            <div class="fields">
              <label for="token-name">For whom</label>
              <input id="token-name" value={name} onInput={(e) => nameSet(e.currentTarget.value)} required autofocus autocomplete="off" />
              <label for="token-role">Role</label>
              <select id="token-role" value={role} onChange={(e) => roleSet(e.currentTarget.value as Role)}>
                {ROLES.map((r) => (
                  <option key={r.role} value={r.role}>
                    {r.role}: {r.may}
                  </option>
                ))}
              </select>
              <label for="token-days">Expires</label>
              <select id="token-days" value={days} onChange={(e) => daysSet(Number(e.currentTarget.value))}>
                {LIVES.map((l) => (
                  <option key={l.days} value={l.days}>
                    {l.words}
                  </option>
                ))}
              </select>
            </div>
            <p class="soft">
              <code>
                rota token create {name.trim() || "NAME"} --role {role}
                {days ? ` --expires ${days}d` : ""}
              </code>
            </p>
            {problem && <ProblemView problem={problem} />}
          </div>
          <footer class="dialog-foot">
            <button type="button" onClick={close}>
              Close
            </button>
            <button type="submit" class="primary" disabled={!name.trim() || !heard.value} data-testid="create">
              Create the token
            </button>
          </footer>
        </form>
      )}
    </Dialog>
  );
}

const tokenColumns = (revoke: (token: Token) => void): Column<Token>[] => [
  { id: "name", head: "Name", cell: (t) => <strong>{t.name}</strong> },
  { id: "role", head: "Role", cell: (t) => t.role },
  { id: "used", head: "Last used", cell: (t) => (t.used_at ? <Time at={t.used_at} form="relative" /> : <span class="soft">never</span>) },
  { id: "expires", head: "Expires", cell: (t) => (t.expires_at ? <Time at={t.expires_at} /> : <span class="soft">never</span>) },
  { id: "made", head: "Made", hide: "phone", grow: true, cell: (t) => <span class="soft"><Time at={t.created_at} /> by {t.created_by ?? "someone"}</span> },
  {
    id: "revoke",
    head: <span class="unseen">Action</span>,
    end: true,
    cell: (t) =>
      t.revoked_at ? (
        <span class="soft">
          revoked <Time at={t.revoked_at} />
        </span>
      ) : (
        <button type="button" class="plain" disabled={!heard.value} onClick={() => revoke(t)} data-testid={`revoke-${t.name}`}>
          Revoke
        </button>
      ),
  },
];

function Tokens() {
  const list = useResource<ListPage<Token>>(`${API}/tokens?limit=500`, never);
  const [making, makingSet] = useState(false);
  const [asked, askedSet] = useState<Token | null>(null);
  return (
    <section aria-labelledby="tokens">
      <div class="page-line">
        <h2 id="tokens">Tokens</h2>
        <button type="button" onClick={() => makingSet(true)} disabled={!heard.value} data-testid="token-new">
          New token
        </button>
      </div>
      <Loaded of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty title="There are no tokens.">
              <p>Whoever works on the daemon's machine comes in by `rota open`; a token lets in others, and programs.</p>
            </Empty>
          ) : (
            <Table label="Tokens" columns={tokenColumns(askedSet)} rows={data.items} keyOf={(t) => t.id} />
          )
        }
      </Loaded>
      {making && <NewToken close={() => makingSet(false)} made={() => void list.reload()} />}
      {asked && (
        <Confirm
          title={`Revoke the token of ${asked.name}`}
          command={revokeCommand("token", asked.name)}
          action="Revoke it"
          danger
          run={async () => {
            await apiPost(`${API}/tokens/${encodeURIComponent(asked.id)}/revoke`);
            await list.reload();
          }}
          close={() => askedSet(null)}
        >
          <p>It opens nothing any more, and the sessions that began with it end. That can't be undone.</p>
        </Confirm>
      )}
    </section>
  );
}

const sessionColumns = (end: (session: Session) => void): Column<Session>[] => [
  { id: "name", head: "Whose", cell: (s) => <strong>{s.name}</strong> },
  { id: "role", head: "Role", cell: (s) => s.role },
  { id: "used", head: "Last used", cell: (s) => <Time at={s.used_at ?? s.created_at} form="relative" /> },
  { id: "from", head: "From", hide: "phone", cell: (s) => s.address },
  { id: "agent", head: "Browser", hide: "phone", grow: true, cell: (s) => <span class="soft" title={s.agent ?? undefined}>{s.agent}</span> },
  {
    id: "end",
    head: <span class="unseen">Action</span>,
    end: true,
    cell: (s) =>
      s.current ? (
        <span class="soft">this one</span>
      ) : (
        <button type="button" class="plain" disabled={!heard.value} onClick={() => end(s)}>
          End it
        </button>
      ),
  },
];

function Sessions() {
  const list = useResource<ListPage<Session>>(`${API}/sessions?limit=500`, never);
  const [asked, askedSet] = useState<Session | null>(null);
  return (
    <section class="section" aria-labelledby="sessions">
      <h2 id="sessions">Sessions</h2>
      <Loaded of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty title="No browser is logged in." />
          ) : (
            <Table label="Sessions" columns={sessionColumns(askedSet)} rows={data.items} keyOf={(s) => s.id} walk={false} />
          )
        }
      </Loaded>
      {asked && (
        <Confirm
          title={`End the session of ${asked.name}`}
          command={revokeCommand("session", asked.id)}
          action="End it"
          danger
          run={async () => {
            await apiPost(`${API}/sessions/${encodeURIComponent(asked.id)}/revoke`);
            await list.reload();
          }}
          close={() => askedSet(null)}
        >
          <p>That browser must log in again.</p>
        </Confirm>
      )}
    </section>
  );
}

export default function TokensPage() {
  const role = me.value?.role;
  return (
    <Page title="Tokens and sessions">
      {role === "admin" && <Tokens />}
      {role && role !== "admin" && <p class="soft">Tokens are an admin's to see; these are your own sessions.</p>}
      {role && <Sessions />}
    </Page>
  );
}
