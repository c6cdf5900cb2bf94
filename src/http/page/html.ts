/** The page itself: what stands on it before anything is known. No data, no script and no style is written into it. */
export const html: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Millrace</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/page.css">
<script src="/assets/main.js" type="module"></script>
</head>
<body>
<a class="skip" href="#list">To the list</a>
<header>
  <h1>Millrace</h1>
  <span id="link" class="link" role="status">connecting…</span>
  <span class="grow"></span>
  <button id="keys" type="button" title="Keys (?)">Keys</button>
  <button id="theme" type="button" title="Light or dark">Theme</button>
</header>
<p id="alarm" class="alarm" role="alert" hidden></p>
<main>
  <section class="tiles" id="tiles" aria-label="Counts"></section>
  <section class="card" aria-label="Throughput">
    <div class="cardhead"><h2>Throughput</h2><span id="peak" class="faint"></span></div>
    <svg id="chart" role="img" preserveAspectRatio="none" viewBox="0 0 600 120"></svg>
    <div id="states" class="states"></div>
  </section>
  <nav role="tablist" id="tabs" aria-label="Lists"></nav>
  <section class="card" id="list" tabindex="-1"></section>
</main>
<dialog id="detail" aria-label="A task"></dialog>
<dialog id="ask" aria-label="Please confirm"></dialog>
</body>
</html>
`;
