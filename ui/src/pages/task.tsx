import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function TaskPage() {
  return (
    <Page title="Task">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
