import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function LastPage() {
  return (
    <Page title="Last">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
