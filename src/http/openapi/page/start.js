// The document lies beside the page, under whatever prefix a proxy has put both.
SwaggerUIBundle({
  url: new URL("openapi.json", location.href).href,
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  tryItOutEnabled: true,
  // No third party is asked whether the document is valid.
  validatorUrl: null,
});
