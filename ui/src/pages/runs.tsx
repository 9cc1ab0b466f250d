import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function RunsPage() {
  return (
    <Page title="Runs">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
