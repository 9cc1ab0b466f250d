// /p/NAME/last and /p/NAME/last-failed: links that stay while runs come and go. They lead to the run of this moment.
import { useEffect } from "preact/hooks";
import { runApi, runHref } from "../lib/paths";
import { go, place } from "../lib/router";
import type { RunDetail } from "../lib/types";
import { useResource } from "../live/resource";
import { Empty, Loaded } from "../parts/notice";
import { Page } from "../parts/page";

export default function LastPage({ parts }: { parts: Record<string, string> }) {
  const name = parts["name"]!.replaceAll(".", "/");
  const failed = place.value.path.endsWith("/last-failed");
  const resource = useResource<RunDetail>(runApi(failed ? `${name}@failed` : name));
  const id = resource.data.value?.id;
  useEffect(() => {
    if (id) go(runHref(id) + place.value.hash, { replace: true });
  }, [id]);
  return (
    <Page title={failed ? `Last failed run of ${name}` : `Last run of ${name}`}>
      {resource.problem.value?.status === 404 ? (
        <Empty title={failed ? `${name} has no failed run.` : `${name} has no run yet.`}>
          <p>
            <a href={`/p/${encodeURIComponent(parts["name"]!)}`}>The pipeline's page</a>
          </p>
        </Empty>
      ) : (
        <Loaded of={resource} what="Looking for the run">
          {() => null}
        </Loaded>
      )}
    </Page>
  );
}
