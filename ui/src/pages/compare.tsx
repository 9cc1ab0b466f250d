import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function ComparePage() {
  return (
    <Page title="Compare">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
