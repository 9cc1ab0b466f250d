import "../style/main.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { keysStart } from "./lib/keys";
import { meLoad } from "./lib/me";
import { routerStart } from "./lib/router";
import { themeApply } from "./lib/theme";
import { heard, liveStart } from "./live/store";
import { Shell } from "./parts/shell";

themeApply();
routerStart();
keysStart();
// While the daemon isn't heard nothing on the page moves.
effect(() => {
  document.documentElement.toggleAttribute("data-stale", !heard.value);
});
render(<Shell />, document.getElementById("app")!);
liveStart();
void meLoad();
