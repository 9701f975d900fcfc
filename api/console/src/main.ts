/** Starts the console. */

import { createApp } from "vue";

import App from "./App.vue";
import { followLanguage } from "./lib/i18n";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/details.css";
import "./styles/pages.css";

followLanguage();
createApp(App).mount("#app");
