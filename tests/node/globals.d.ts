// The global that the browser client is, where a page has no module of it.
declare var tracelog: any;
