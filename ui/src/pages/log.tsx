import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function LogPage() {
  return (
    <Page title="Log">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
