declare module '*.md' {
  const page: import('./core/doc-page').DocPage;
  export default page;
}
