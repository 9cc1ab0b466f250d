import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function RunPage() {
  return (
    <Page title="Run">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
