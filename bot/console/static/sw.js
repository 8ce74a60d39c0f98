// Brings a notification to the page that it is about. It keeps nothing and fetches nothing.
addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    const open = await clients.matchAll({ type: "window", includeUncontrolled: true });
    const ours = open.find((one) => new URL(one.url).pathname.startsWith("/console"));
    const target = "/console/conversations?which=attention";
    if (!ours) return clients.openWindow(target);
    await ours.focus();
    return ours.navigate(target).catch(() => {});
  })());
});
