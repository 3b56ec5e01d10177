declare module '*.md' {
  const page: import('../build/markdown').DocPage;
  export default page;
}
