// What can be done to a host: drain it, declare it down, take both back.
import { useState } from "preact/hooks";
import { plural } from "../lib/format";
import { hostApi } from "../lib/paths";
import { hostCommand } from "../lib/shell";
import type { Done, HostDetail, HostDownPlan } from "../lib/types";
import { ActionDialog, usePreview } from "./action_dialog";
import { toast } from "./toast";

export type HostAsked = "drain" | "down" | "up";

interface Props {
  host: HostDetail;
  close: () => void;
  reload: () => Promise<void>;
}

function Reason({ text, onText }: { text: string; onText: (text: string) => void }) {
  return (
    <label class="field">
      Why, for those who look later
      <input value={text} onInput={(event) => onText(event.currentTarget.value)} data-testid="host-reason" required />
    </label>
  );
}

function done({ close, reload }: Props): (answer: unknown) => void {
  return (answer) => {
    close();
    toast((answer as Done).did);
    void reload();
  };
}

function DrainDialog(props: Props) {
  const [reason, setReason] = useState("");
  const { host } = props;
  return (
    <ActionDialog
      title={`Drain ${host.name}`}
      action="Drain it"
      path={hostApi(host.name, "/drain")}
      body={{ reason }}
      disabled={reason.trim() === ""}
      command={hostCommand("drain", host.name, reason)}
      close={props.close}
      done={done(props)}
    >
      <p>
        Nothing new starts there. {host.running > 0 ? `${plural(host.running, "task that runs", "tasks that run")} there go on to the end.` : "Nothing runs there now."}
      </p>
      <Reason text={reason} onText={setReason} />
    </ActionDialog>
  );
}

const THEN = { retry: "is tried again where it may run", lost: "ends as lost", cancelled: "ends as cancelled" } as const;

// Nobody can know whether they still run: so each is named before it is given up.
function Given({ plan }: { plan: HostDownPlan }) {
  if (plan.tasks.length === 0) return <p data-testid="down-count">No task is known to be there.</p>;
  return (
    <>
      <p data-testid="down-count">
        <strong>{plural(plan.tasks.length, "task", "tasks")} may still live there</strong> and count as lost from now on:
      </p>
      <ul class="preview-list">
        {plan.tasks.slice(0, 100).map((one) => (
          <li key={`${one.run} ${one.task}`}>
            <code>
              {one.run} {one.task}
            </code>{" "}
            <span class="soft">{THEN[one.then]}</span>
          </li>
        ))}
        {plan.tasks.length > 100 && <li class="soft">and {plan.tasks.length - 100} others</li>}
      </ul>
    </>
  );
}

function DownDialog(props: Props) {
  const [reason, setReason] = useState("");
  const { host } = props;
  const path = hostApi(host.name, "/down");
  const preview = usePreview<HostDownPlan>(path, {});
  return (
    <ActionDialog
      title={`Declare ${host.name} down`}
      action="Declare it down"
      danger
      path={path}
      body={{ reason }}
      disabled={reason.trim() === "" || preview.answer === null}
      command={hostCommand("down", host.name, reason)}
      close={props.close}
      done={done(props)}
    >
      <p>
        For a machine that won't come back soon. If it does, what is left of these tasks is killed there before anything new
        starts. Until then a second copy may run elsewhere while the first still does.
      </p>
      {preview.fault && <p class="wrong">{preview.fault}</p>}
      {preview.answer && <Given plan={preview.answer} />}
      <Reason text={reason} onText={setReason} />
    </ActionDialog>
  );
}

function UpDialog(props: Props) {
  const { host } = props;
  return (
    <ActionDialog
      title={`Use ${host.name} again`}
      action="Use it again"
      path={hostApi(host.name, "/up")}
      body={{}}
      command={hostCommand("up", host.name, "")}
      close={props.close}
      done={done(props)}
    >
      <p>
        Tasks start there again as soon as it answers
        {host.remnants.length > 0 && `, and what is left of ${plural(host.remnants.length, "task", "tasks")} was ended there`}.
      </p>
    </ActionDialog>
  );
}

const DIALOGS = { drain: DrainDialog, down: DownDialog, up: UpDialog };

export function HostDialog({ asked, ...props }: Props & { asked: HostAsked | null }) {
  if (!asked) return null;
  const Asked = DIALOGS[asked];
  return <Asked {...props} />;
}
