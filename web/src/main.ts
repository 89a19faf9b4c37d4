import "./style.css";
import { expose } from "./page/hooks";
import { Page } from "./page/page";
import { wishOf } from "./page/wish";

const wish = wishOf(window.location.search);
const page = new Page(wish);
expose(page, wish);

if ("serviceWorker" in navigator && window.isSecureContext) {
  window.addEventListener("load", () => {
    navigator.serviceWorker.register("./service-worker.js").catch(() => {
      // without it the page works as long as there is a connection
    });
  });
}
