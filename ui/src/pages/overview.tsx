import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function OverviewPage() {
  return (
    <Page title="Overview">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
