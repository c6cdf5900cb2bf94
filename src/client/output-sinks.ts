/** Where the outputs of commands go beside their results, as the options say: a file that is appended to in this thread, or a stream of the host. */
import type { ClientConfig } from '../config/client-options.ts';
import { RedirectFile } from '../output/redirect-file.ts';
import type { OutputSink, OutputSinks } from './executors/shell/redirection.ts';
import type { OutputPort } from './output-port.ts';

/** Rejects with ERR_REDIRECT when a file cannot be opened. One path for both streams is one file. */
export async function outputSinks(config: ClientConfig, output: OutputPort | null): Promise<OutputSinks> {
  const { outputPath, errorsPath, outputToHost, errorsToHost } = config;
  const host = (stream: 'stdout' | 'stderr', wanted: boolean): OutputSink | null =>
    wanted && output !== null ? output.sink(stream) : null;
  const stdout = outputPath === null ? host('stdout', outputToHost) : await RedirectFile.open(outputPath);
  try {
    if (errorsPath === null) return { stdout, stderr: host('stderr', errorsToHost) };
    return { stdout, stderr: errorsPath === outputPath && stdout !== null ? stdout : await RedirectFile.open(errorsPath) };
  } catch (error) {
    await stdout?.close();
    throw error;
  }
}
