import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function HelpPage() {
  return (
    <Page title="Help">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
