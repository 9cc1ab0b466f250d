import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function SchedulePage() {
  return (
    <Page title="Schedule">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
