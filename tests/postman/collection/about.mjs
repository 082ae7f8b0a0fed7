export default `The whole story of **oss-valet**, a valet key service for Alibaba Cloud OSS: a signed-in user asks leave to upload one object, gets
everything that is needed to send the bytes *straight to OSS*, and OSS calls the service back. Read it from top to bottom, or run it.

1. Choose an environment. *oss-valet dev* is for \`oss-valet dev\` on your machine, which brings its own OSS simulator; no account is needed.
   *oss-valet production* has your own addresses.
2. Put a token into its variable \`token\`: folder 1 says where to get one.
3. Let Postman find the files: *Settings → General → Working directory* is the folder that this collection lies in.
4. Send folder 1, then any other folder from its first request on. Each makes what it needs, and new grants each time.

Folders 1 to 9 are what you use every day, 10 and 11 are for clients that exist already, 12 to 15 are what operators and the curious want
to see. Every request asserts what it shows (*Test Results*), and holds a saved example of its answer. What is secret in an example is fake.

Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`; every answer of the service carries \`x-request-id\`, which is in its
log, too.`;
