import { place } from "../lib/router";
import { Empty } from "../parts/notice";
import { Page } from "../parts/page";

export default function NotFoundPage() {
  return (
    <Page title="Not found">
      <Empty title={`There is no page at ${place.value.path}.`}>
        <p>
          <a href="/">The overview</a>, <a href="/p">all pipelines</a> and <a href="/runs">all runs</a> are there, and
          Ctrl-K finds the rest.
        </p>
      </Empty>
    </Page>
  );
}
