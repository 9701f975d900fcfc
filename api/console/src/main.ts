/** Starts the console. */

import { createApp } from "vue";

import App from "./App.vue";
import { followLanguage } from "./lib/i18n";
import { keepShell } from "./lib/shell";
import { followTheme } from "./lib/theme";
import "./styles/theme.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/details.css";
import "./styles/pages.css";
import "./styles/tools.css";

followLanguage();
followTheme();
createApp(App).mount("#app");
keepShell();
